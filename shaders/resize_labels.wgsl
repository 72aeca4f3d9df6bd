// y[image, out_height, out_width] = the label of x[image, height, width] under the middle of each new pixel, which is
// floor((i + 1/2) * input / output) along each axis.
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Params { n: u32, height: u32, width: u32, out_height: u32, out_width: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let line = i / p.out_width;
  let image = line / p.out_height;
  let row = (2u * (line - image * p.out_height) + 1u) * p.height / (2u * p.out_height);
  let column = (2u * (i - line * p.out_width) + 1u) * p.width / (2u * p.out_width);
  y[i] = x[(image * p.height + row) * p.width + column];
}
