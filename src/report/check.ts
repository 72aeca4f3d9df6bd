import { ShapeError } from "../tensor/errors.ts";
import type { ReportData, SampleReport } from "./types.ts";

/**
 * Checks that the lists of a report fit together.
 * @throws ShapeError naming the network, curve or picture that does not.
 */
export function checkReport(data: ReportData): void {
  const expect = (holds: boolean, expected: string, got: string) => {
    if (!holds) throw new ShapeError("report", expected, got);
  };
  const classes = data.classes.length;
  for (const { id, metrics } of data.networks) {
    const { perClass, confusion } = metrics;
    expect(
      perClass.length === 0 || perClass.length === classes,
      `${classes} entries in perClass of ${id}`,
      `${perClass.length}`,
    );
    const square = confusion.length === classes && confusion.every((row) => row.length === classes);
    expect(
      confusion.length === 0 || square,
      `a ${classes}x${classes} confusion matrix of ${id}`,
      `${confusion.length} rows of ${confusion.map((row) => row.length)}`,
    );
  }
  const ids = data.networks.map((network) => network.id);
  expect(new Set(ids).size === ids.length, "networks with different ids", ids.join(", "));
  for (const { network, epochs, losses, trainTop1, valTop1, translatorMean } of data.curves) {
    for (const [name, list] of Object.entries({ ...losses, trainTop1, valTop1, translatorMean })) {
      if (list)
        expect(list.length === epochs.length, `${epochs.length} entries in ${name} of ${network}`, `${list.length}`);
    }
  }
  checkPictures(data.samples);
}

/** Checks that the pictures of samples have as many bytes as their sizes say. @throws ShapeError naming the one that has not. */
export function checkPictures(samples: readonly SampleReport[]): void {
  for (const { name, images } of samples) {
    for (const { caption, width, height, rgb } of images) {
      const sizes = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
      if (sizes && rgb.length === width * height * 3) continue;
      throw new ShapeError(
        "report",
        `height x width x 3 bytes in picture "${caption}" of ${name}`,
        `${rgb.length} bytes for ${height}x${width}`,
      );
    }
  }
}
