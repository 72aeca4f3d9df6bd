import { GpuDevice, openNetwork } from "onestage/infer";
import { SIZE } from "./network.mjs";
import { fetchBytes, page } from "./page.mjs";

page(3, async (pictures) => {
  const [device, bytes, { picture }] = await Promise.all([
    GpuDevice.open(),
    fetchBytes("/model.safetensors"),
    pictures,
  ]);
  const network = openNetwork(device, bytes);
  return async (i) => {
    const { probabilities } = await network.predict({ rgb: { width: SIZE, height: SIZE, data: picture(i) } });
    return probabilities;
  };
});
