"""The UNet of diffusers on PyTorch's CPU kernels: a forward or a training step for each line of stdin.

usage: unet.py MODEL FEEDS OUTPUT THREADS

Lines are `forward` and `step`. On stdout come the seconds of each, and those of the processor. A step is forward, backward,
clipping, AdamW and the average of the weights, as `sfv train` takes it.
"""

import os
import sys
import time

import diffusers
import torch
from safetensors.torch import load_file

folder, feeds, output, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
half = os.path.exists(os.path.join(folder, "unet", "diffusion_pytorch_model.fp16.safetensors"))
unet = diffusers.UNetSpatioTemporalConditionModel.from_pretrained(
    folder, subfolder="unet", variant="fp16" if half else None, torch_dtype=torch.float32
)
given = load_file(feeds)
weights = list(unet.parameters())
average = [weight.detach().clone() for weight in weights]
adamw = torch.optim.AdamW(weights, lr=1e-6, betas=(0.9, 0.99), eps=1e-8, weight_decay=0, fused=True)


def predict():
    return unet(given["sample"], given["timestep"][0], given["context"], given["addedTimeIds"], return_dict=False)[0]


def step():
    loss = torch.nn.functional.mse_loss(predict(), given["target"])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    adamw.step()
    adamw.zero_grad()
    torch._foreach_lerp_(average, [weight.detach() for weight in weights], 0.001)


print(f"torch {torch.__version__}, diffusers {diffusers.__version__}", flush=True)
for line in sys.stdin:
    start, started = time.perf_counter(), time.process_time()
    if line.strip() == "step":
        step()
    else:
        with torch.no_grad():
            made = predict()
    seconds, processor = time.perf_counter() - start, time.process_time() - started
    if line.strip() == "forward":
        made.contiguous().numpy().tofile(output)
    print(seconds, processor, flush=True)
