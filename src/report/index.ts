export { comparisonFigure } from "./compare/figure.ts";
export {
  averagedId,
  type ComparisonData,
  type ComparisonRow,
  type ComparisonTable,
  checkComparison,
  type MissingCell,
  type SeedMetrics,
  type SeedResult,
  withAveraged,
} from "./comparison.ts";
export {
  analyseComparison,
  type ComparisonAnalysis,
  type Difference,
  type TableAnalysis,
} from "./comparisonAnalysis.ts";
export { tableFindings } from "./comparisonFindings.ts";
export { renderComparison } from "./comparisonReport.ts";
export { comparisonJson, renderComparisonMarkdown } from "./comparisonText.ts";
export { type DepthRange, depthToRgb, featureToRgb, infraredToRgb, pngDataUri } from "./image.ts";
export { classColour, labelsToRgb } from "./labels.ts";
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
