"""What spheres are gathered from: samples in memory, in the store, or in a folder of betas."""

from boldstream.decoding.samples.base import Samples, SamplesNanPolicy
from boldstream.decoding.samples.blocks import BlockPlan, plan_blocks
from boldstream.decoding.samples.opening import open_samples

__all__ = ["BlockPlan", "Samples", "SamplesNanPolicy", "open_samples", "plan_blocks"]
