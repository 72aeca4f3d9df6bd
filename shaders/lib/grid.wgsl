// One-dimensional kernels: the workgroup size, and the thread's number when the grid is folded into two dimensions.
override WG: u32 = 64u;

fn thread_id(global: vec3u, groups: vec3u) -> u32 {
  return global.x + global.y * groups.x * WG;
}
