"""The targets that a configuration can name."""

from __future__ import annotations

from ..spaces.registry import Registry

TARGETS = Registry(
    "targets",
    {
        "predicted": ("predictors.predicted:Predicted", "a saved predictor, with its standard deviation"),
        "dram": ("hw_targets.dram.target:Dram", "DRAM controllers, simulated event by event as DRAMSys 4.0 does"),
        "accelerator_memory": (
            "hw_targets.dram.accelerator_memory:AcceleratorMemory",
            "a systolic array behind a simulated memory controller",
        ),
        "dramsys": ("hw_targets.dram.dramsys:DramSys", "DRAM controllers in DRAMSys 4.0, as installed by the user"),
        "systolic": ("hw_targets.systolic.target:SystolicArray", "closed forms of a systolic array accelerator"),
        "roofline": ("hw_targets.roofline:Roofline", "roofline model of a network on a CPU, GPU or accelerator"),
        "systolic_network": (
            "hw_targets.systolic_network:SystolicNetwork",
            "closed forms of a network on one fixed systolic array",
        ),
        "function": ("hw_targets.function:FunctionTarget", "a plain function of one design: my_module:score"),
        "torch_cpu": ("hw_targets.torch_cpu:TorchCpu", "latency of PyTorch modules, measured on this CPU"),
        "torch_cuda": ("hw_targets.torch_cuda:TorchCuda", "latency of PyTorch modules, measured on an NVIDIA GPU"),
        "onnx_runtime": ("hw_targets.onnx_runtime:OnnxRuntime", "latency in ONNX Runtime, measured on this CPU"),
        "external_command": (
            "hw_targets.external_command:ExternalCommand",
            "whatever a program prints: a board, a phone, a simulator",
        ),
        "activation_memory": ("hw_targets.activation_memory:ActivationMemory", "peak activation memory by liveness"),
        "supernet_digits": (
            "hw_targets.supernet_digits:SupernetDigits",
            "top-1 of weight-sharing sub-networks, 8x8 digits",
        ),
    },
)
"""Name to target factory: ``factory(space, **options)`` gives a :class:`~cosearch.hw_targets.target.HardwareTarget`."""
