// How the positions of the output are dealt out where the gradient of a weight (conv2d.wgsl) is summed over them.

// 4 as (n, y, x), for walk_on.
fn four_positions() -> vec3u {
  return vec3u(4u / p.ow / p.oh, 4u / p.ow % p.oh, 4u % p.ow);
}

// Positions (n, oy, ox) in each part of a weight gradient, a multiple of four.
fn share_of_positions() -> u32 {
  return (p.n * p.oh * p.ow + 4u * p.parts - 1u) / (4u * p.parts) * 4u;
}
