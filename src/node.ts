/** Files, for Node: dataset folders, images, checkpoints, networks. */
export { type FolderOptions, openFolder } from "./data/node/folder.ts";
export { readDepth, readInfrared, readLabel, readRgb } from "./data/node/images.ts";
export { openPackedFolder } from "./data/node/packedFolder.ts";
export type { Image } from "./data/png.ts";
