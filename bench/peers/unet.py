"""The UNet of diffusers on PyTorch's CPU kernels: one forward for each line of stdin; on stdout its seconds, and those of the processor.

usage: unet.py MODEL FEEDS OUTPUT THREADS
"""

import sys
import time

import diffusers
import torch
from safetensors.torch import load_file

folder, feeds, output, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.set_grad_enabled(False)
unet = diffusers.UNetSpatioTemporalConditionModel.from_pretrained(
    folder, subfolder="unet", variant="fp16", torch_dtype=torch.float32
).eval()
given = load_file(feeds)
print(f"torch {torch.__version__}, diffusers {diffusers.__version__}", flush=True)
for _ in sys.stdin:
    start, started = time.perf_counter(), time.process_time()
    made = unet(given["sample"], given["timestep"][0], given["context"], given["addedTimeIds"], return_dict=False)[0]
    seconds, processor = time.perf_counter() - start, time.process_time() - started
    made.contiguous().numpy().tofile(output)
    print(seconds, processor, flush=True)
