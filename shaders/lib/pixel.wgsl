// NHWC images: a thread does up to eight channels of one pixel, `step` channels apart, so that neighbouring threads touch
// neighbouring channels. Finding the pixel takes three integer divisions, which CPU adapters do one lane at a time.
struct Pixel { image: u32, row: u32, column: u32, channel: u32, step: u32 }

fn pixel_of(i: u32, height: u32, width: u32, channels: u32) -> Pixel {
  let step = (channels + 7u) / 8u;
  let at = i / step;
  let line = at / width;
  let image = line / height;
  return Pixel(image, line - image * height, at - line * width, i - at * step, step);
}
