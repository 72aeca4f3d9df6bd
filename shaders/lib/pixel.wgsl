// NHWC images, four neighbouring channels of one pixel a thread: finding the pixel costs several divisions.
struct Pixel { image: u32, row: u32, column: u32, channel: u32, end: u32 }

fn pixel_of(i: u32, height: u32, width: u32, channels: u32) -> Pixel {
  let blocks = (channels + 3u) / 4u;
  let at = i / blocks;
  let line = at / width;
  let channel = (i - at * blocks) * 4u;
  return Pixel(line / height, line % height, at % width, channel, min(channel + 4u, channels));
}
