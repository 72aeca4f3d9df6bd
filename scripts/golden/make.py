"""Makes test/golden/*.json with PyTorch in float64 (made with PyTorch 1.13.1, Debian python3-torch; Adam and schedules with 2.13.0).

Usage: python3 scripts/golden/make.py [output folder]

Images are written NHWC and convolution weights [KH, KW, C/G, K]. An array is {"shape": [...], "data": [...]}.
"""

import json
import pathlib
import sys

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

NHWC = (0, 2, 3, 1)  # from NCHW
HWIO = (2, 3, 1, 0)  # from OIHW


def array(x, layout=None):
    x = x.detach()
    if layout and x.dim() == len(layout):
        x = x.permute(*layout)
    return {"shape": list(x.shape), "data": [number(v) for v in x.contiguous().flatten().tolist()]}


def number(value):
    """13 significant digits: an error below 1e-12 of the value."""
    rounded = float(f"{float(value):.13g}")
    return int(rounded) if rounded == int(rounded) else rounded


def random(*shape, scale=1.0, grad=False):
    """Values with few digits, so that the inputs are written exactly."""
    x = torch.round(torch.randn(*shape) * scale * 1000) / 1000
    return x.requires_grad_(grad)


def gradients(y, dy, inputs):
    return torch.autograd.grad(y, inputs, dy)


def basic_block():
    """ResNet basic block, stride 2, projection shortcut, batch norm in training mode."""
    shapes = {"conv1": (4, 3, 3, 3), "conv2": (4, 4, 3, 3), "shortcut": (4, 3, 1, 1)}
    x = random(2, 3, 6, 6, grad=True)
    params = {}
    for name, shape in shapes.items():
        params[f"{name}.weight"] = random(*shape, scale=0.3, grad=True)
        params[f"{name}.gamma"] = (1 + random(shape[0], scale=0.2)).requires_grad_()
        params[f"{name}.beta"] = random(shape[0], scale=0.2, grad=True)

    def conv_norm(name, value, stride, padding):
        value = F.conv2d(value, params[f"{name}.weight"], stride=stride, padding=padding)
        return F.batch_norm(value, None, None, params[f"{name}.gamma"], params[f"{name}.beta"], training=True)

    hidden = F.relu(conv_norm("conv1", x, 2, 1))
    y = F.relu(conv_norm("conv2", hidden, 1, 1) + conv_norm("shortcut", x, 2, 0))
    dy = random(*y.shape)
    names = list(params)
    grads = gradients(y, dy, [x] + [params[name] for name in names])
    layout = lambda t: HWIO if t.dim() == 4 else None
    return {
        "eps": 1e-5,
        "x": array(x, NHWC),
        "params": {name: array(params[name], layout(params[name])) for name in names},
        "y": array(y, NHWC),
        "dy": array(dy, NHWC),
        "dx": array(grads[0], NHWC),
        "dparams": {name: array(g, layout(g)) for name, g in zip(names, grads[1:])},
    }


def batch_norm():
    """Three training steps with running statistics, then one evaluation."""
    norm = torch.nn.BatchNorm2d(3)
    with torch.no_grad():
        norm.weight.copy_(1 + random(3, scale=0.3))
        norm.bias.copy_(random(3, scale=0.3))
    steps = []
    for step in range(3):
        x = (random(2, 3, 2, 3) * (step + 1) + step).requires_grad_()
        y = norm(x)
        dy = random(*y.shape)
        dx, dgamma, dbeta = gradients(y, dy, (x, norm.weight, norm.bias))
        steps.append({
            "x": array(x, NHWC), "y": array(y, NHWC), "dy": array(dy, NHWC),
            "dx": array(dx, NHWC), "dgamma": array(dgamma), "dbeta": array(dbeta),
            "runningMean": array(norm.running_mean), "runningVar": array(norm.running_var),
        })
    norm.eval()
    x = random(2, 3, 2, 3, grad=True)
    y = norm(x)
    dy = random(*y.shape)
    dx, dgamma, dbeta = gradients(y, dy, (x, norm.weight, norm.bias))
    evaluation = {"x": array(x, NHWC), "y": array(y, NHWC), "dy": array(dy, NHWC), "dx": array(dx, NHWC),
                  "dgamma": array(dgamma), "dbeta": array(dbeta)}
    return {"momentum": norm.momentum, "eps": norm.eps, "gamma": array(norm.weight), "beta": array(norm.bias),
            "steps": steps, "evaluation": evaluation}


def conv2d():
    """Name: (x, w, bias, stride, padding, dilation, groups)."""
    cases = {
        "plain": ((1, 2, 4, 5), (3, 2, 3, 3), True, 1, 0, 1, 1),
        "stride and padding": ((2, 3, 7, 6), (4, 3, 3, 3), False, (2, 1), (1, 2), 1, 1),
        "dilation": ((1, 2, 7, 8), (2, 2, 3, 2), True, 1, (2, 0), (2, 3), 1),
        "groups": ((2, 4, 5, 5), (6, 2, 3, 3), True, 2, 1, 1, 2),
        "depthwise": ((1, 4, 5, 4), (4, 1, 3, 3), False, 1, 1, 1, 4),
        "one by one": ((2, 3, 4, 4), (5, 3, 1, 1), True, 2, 0, 1, 1),
        "factorised": ((1, 3, 5, 6), (3, 3, 1, 3), True, 1, (0, 1), 1, 1),
    }
    pair = lambda v: list(v) if isinstance(v, tuple) else [v, v]
    result = {}
    for name, (x_shape, w_shape, has_bias, stride, padding, dilation, groups) in cases.items():
        x, w = random(*x_shape, grad=True), random(*w_shape, grad=True)
        bias = random(w_shape[0], grad=True) if has_bias else None
        y = F.conv2d(x, w, bias, stride, padding, dilation, groups)
        dy = random(*y.shape)
        inputs = [x, w] + ([bias] if has_bias else [])
        grads = gradients(y, dy, inputs)
        layouts = [NHWC, HWIO, None]
        result[name] = {
            "attrs": {"stride": pair(stride), "padding": pair(padding), "dilation": pair(dilation), "groups": groups},
            "inputs": [array(t, l) for t, l in zip(inputs, layouts)],
            "y": array(y, NHWC), "dy": array(dy, NHWC),
            "gradients": [array(g, l) for g, l in zip(grads, layouts)],
        }
    return result


def image_case(op, attrs, x, run):
    x = x.requires_grad_()
    y = run(x)
    dy = random(*y.shape)
    (dx,) = gradients(y, dy, (x,))
    return {"op": op, "attrs": attrs, "inputs": [array(x, NHWC)], "y": array(y, NHWC), "dy": array(dy, NHWC),
            "gradients": [array(dx, NHWC)]}


def pool():
    """Max pooling with ties, average pooling with counted padding."""
    def attrs(kernel, stride, padding):
        return {"kernel": list(kernel), "stride": list(stride), "padding": list(padding)}

    result = {}
    windows = {"3x3/2 padded": ((3, 3), (2, 2), (1, 1)), "2x2/2": ((2, 2), (2, 2), (0, 0)), "3x2/1x2": ((3, 2), (1, 2), (1, 0))}
    for name, window in windows.items():
        for op, f in (("maxPool2d", F.max_pool2d), ("avgPool2d", F.avg_pool2d)):
            result[f"{op} {name}"] = image_case(op, attrs(*window), random(2, 2, 5, 6), lambda x: f(x, *window))
    tied = torch.randint(0, 3, (1, 2, 6, 6)).double()
    window = windows["3x3/2 padded"]
    result["maxPool2d ties"] = image_case("maxPool2d", attrs(*window), tied, lambda x: F.max_pool2d(x, *window))
    return result


def resize():
    sizes = {"up": (3, 4, 7, 8), "double": (3, 3, 6, 6), "down": (7, 8, 3, 5), "half": (6, 8, 3, 4), "mixed": (3, 8, 5, 2), "from one": (1, 1, 3, 2)}
    result = {}
    for name, (h, w, height, width) in sizes.items():
        for mode in ("bilinear", "nearest"):
            options = {"align_corners": False} if mode == "bilinear" else {}
            run = lambda x: F.interpolate(x, size=(height, width), mode=mode, **options)
            attrs = {"height": height, "width": width, "mode": mode}
            result[f"{mode} {name}"] = image_case("resize", attrs, random(1, 2, h, w), run)
    return result


def activation():
    """Values and derivatives at points on both sides of every kink."""
    x = torch.cat([torch.linspace(-6, 6, 25), torch.tensor([-40.0, -0.01, 0.01, 40.0])])
    functions = {
        "relu": ({}, F.relu), "leakyRelu": ({"slope": 0.1}, lambda t: F.leaky_relu(t, 0.1)), "sigmoid": ({}, torch.sigmoid),
        "tanh": ({}, torch.tanh), "gelu": ({}, lambda t: F.gelu(t, approximate="tanh")), "silu": ({}, F.silu),
        "softplus": ({}, lambda t: F.softplus(t, threshold=1000)),
    }
    result = {"x": array(x), "functions": {}}
    for name, (attrs, f) in functions.items():
        point = x.clone().requires_grad_()
        y = f(point)
        (dx,) = gradients(y, torch.ones_like(y), (point,))
        result["functions"][name] = {"attrs": attrs, "y": array(y), "dx": array(dx)}
    return result


def cross_entropy():
    """Name: (shape of the target, weights?, ignored?, label smoothing)."""
    cases = {
        "plain": ((6,), False, False, 0), "ignore": ((2, 3, 2), False, True, 0), "weights": ((6,), True, False, 0),
        "smoothing": ((6,), False, False, 0.1), "weights, ignore and smoothing": ((2, 3, 2), True, True, 0.1),
    }
    classes, ignored = 5, 255
    result = {}
    for name, (shape, weighted, with_ignored, smoothing) in cases.items():
        logits = random(*shape, classes, scale=2, grad=True)
        target = torch.randint(0, classes, shape)
        if with_ignored:
            target.view(-1)[::4] = ignored
        weights = torch.round(torch.rand(classes) * 1000 + 200) / 1000 if weighted else None
        loss = F.cross_entropy(logits.view(-1, classes), target.view(-1), weights, ignore_index=ignored, label_smoothing=smoothing)
        (dlogits,) = gradients(loss, None, (logits,))
        inputs = [array(logits), array(target)] + ([array(weights)] if weighted else [])
        result[name] = {"attrs": {"ignoreIndex": ignored, "labelSmoothing": smoothing}, "inputs": inputs,
                        "loss": number(loss), "dlogits": array(dlogits)}
    return result


def kl_divergence():
    result = {}
    for name, shape, temperature in (("matrix, T 2", (5, 4), 2.0), ("map, T 4", (2, 2, 3, 6), 4.0), ("matrix, T 1", (3, 3), 1.0)):
        student, teacher = random(*shape, scale=3, grad=True), random(*shape, scale=3, grad=True)
        log_q = F.log_softmax(student / temperature, -1).view(-1, shape[-1])
        log_p = F.log_softmax(teacher / temperature, -1).view(-1, shape[-1])
        loss = temperature ** 2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
        dstudent, dteacher = gradients(loss, None, (student, teacher))
        result[name] = {"attrs": {"temperature": temperature}, "inputs": [array(student), array(teacher)],
                        "loss": number(loss), "dstudent": array(dstudent), "dteacher": array(dteacher)}
    return result


def mmd():
    """Multi-kernel maximum mean discrepancy with a detached bandwidth."""
    def loss_of(source, target, kernels, multiplier):
        rows = torch.cat([source, target])
        distances = ((rows[:, None] - rows[None]) ** 2).sum(-1)
        n = len(rows)
        bandwidth = distances.detach().sum() / (n * n - n)
        k = sum(torch.exp(-distances / (bandwidth * multiplier ** (i - kernels // 2))) for i in range(kernels))
        b = n // 2
        return (k[:b, :b] + k[b:, b:] - k[:b, b:] - k[b:, :b]).mean()

    cases = {"near": (4, 6, 0.3, 5, 2.0), "far": (3, 5, 4.0, 5, 2.0), "three kernels": (5, 3, 1.0, 3, 3.0), "one pair": (1, 4, 0.5, 5, 2.0)}
    result = {}
    for name, (batch, width, shift, kernels, multiplier) in cases.items():
        source = random(batch, width, grad=True)
        target = (random(batch, width) + shift).requires_grad_()
        loss = loss_of(source, target, kernels, multiplier)
        dsource, dtarget = gradients(loss, None, (source, target))
        result[name] = {"attrs": {"kernels": kernels, "multiplier": multiplier}, "inputs": [array(source), array(target)],
                        "loss": number(loss), "dsource": array(dsource), "dtarget": array(dtarget)}
    return result


def optimizer():
    """Five steps with given gradients; `steps` holds the parameter after each."""
    makers = {
        "sgd": ({"lr": 0.1}, torch.optim.SGD),
        "sgd momentum": ({"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}, torch.optim.SGD),
        "sgd nesterov": ({"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, torch.optim.SGD),
        "adamw": ({"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.05}, torch.optim.AdamW),
        "adam": ({"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.05}, torch.optim.Adam),
    }
    start = random(2, 3)
    grads = [random(2, 3) for _ in range(5)]
    result = {"start": array(start), "gradients": [array(g) for g in grads], "optimizers": {}}
    for name, (options, make) in makers.items():
        p = start.clone().requires_grad_()
        opt = make([p], **options)
        steps = []
        for g in grads:
            p.grad = g.clone()
            opt.step()
            steps.append(array(p))
        result["optimizers"][name] = {"options": options, "steps": steps}
    return result


def one_cycle():
    """Learning rate before each step of the cosine one-cycle schedule."""
    cases = [
        {"max_lr": 0.01, "total_steps": 20, "pct_start": 0.1, "div_factor": 25.0, "final_div_factor": 1e4},
        {"max_lr": 0.1, "total_steps": 13, "pct_start": 0.3, "div_factor": 10.0, "final_div_factor": 100.0},
    ]
    result = []
    for options in cases:
        opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(opt, anneal_strategy="cos", cycle_momentum=False, **options)
        rates = []
        for step in range(options["total_steps"]):
            rates.append(number(schedule.get_last_lr()[0]))
            opt.step()
            if step + 1 < options["total_steps"]:
                schedule.step()
        result.append({"options": options, "rates": rates})
    return result


def schedules():
    """Learning rate before each step: a linear warm-up of `warm` steps out of `total`, then a cosine or tenths at milestones."""
    cases = [
        {"kind": "cosine", "lr": 0.01, "total": 20, "warm": 4},
        {"kind": "cosine", "lr": 0.1, "total": 7, "warm": 0},
        {"kind": "steps", "lr": 0.001, "total": 60, "warm": 3, "milestones": [10, 20, 30]},
        {"kind": "steps", "lr": 0.3, "total": 8, "warm": 0, "milestones": [2, 6]},
        {"kind": "constant", "lr": 0.02, "total": 5, "warm": 2},
    ]
    schedulers = torch.optim.lr_scheduler
    result = []
    for options in cases:
        total, warm = options["total"], options["warm"]
        opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=options["lr"])
        if options["kind"] == "cosine":
            after = schedulers.CosineAnnealingLR(opt, T_max=total - warm)
        elif options["kind"] == "steps":
            # Counted from the end of the warm-up.
            after = schedulers.MultiStepLR(opt, [step - warm for step in options["milestones"]], gamma=0.1)
        else:
            after = schedulers.ConstantLR(opt, factor=1)
        schedule = after
        if warm > 0:
            before = schedulers.LinearLR(opt, start_factor=1 / warm, total_iters=warm - 1)
            schedule = schedulers.SequentialLR(opt, [before, after], [warm])
        rates = []
        for step in range(total):
            rates.append(number(opt.param_groups[0]["lr"]))
            opt.step()
            schedule.step()
        result.append({"options": options, "rates": rates})
    return result


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "test/golden")
    folder.mkdir(parents=True, exist_ok=True)
    makers = (basic_block, batch_norm, conv2d, pool, resize, activation, cross_entropy, kl_divergence, mmd, optimizer, one_cycle, schedules)
    for make in makers:
        torch.manual_seed(7)
        path = folder / f"{make.__name__}.json"
        path.write_text(json.dumps(make(), separators=(",", ":")) + "\n")
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
