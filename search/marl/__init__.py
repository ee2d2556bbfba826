"""Reinforcement learning with one or many agents: a design is an episode in which agents choose in turn."""
