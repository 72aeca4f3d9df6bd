export { type DepthRange, depthToRgb, featureToRgb, pngDataUri } from "./image.ts";
export { renderReport } from "./report.ts";
export { renderMarkdown, renderSummary } from "./text.ts";
export type {
  CurveReport,
  ImageReport,
  Metrics,
  NetworkReport,
  PredictionReport,
  ReportData,
  Role,
  SampleReport,
  Seen,
} from "./types.ts";
