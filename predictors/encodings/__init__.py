"""Features of designs: what their choices cost on imaginable devices, and the choices themselves."""
