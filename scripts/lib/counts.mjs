// A vitest reporter that sends the final counts to the process that started vitest.

/** Counts tests; a file that cannot be loaded and an error outside any test count as failures. */
export default class Counts {
  onTestRunEnd(files, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const file of files) {
      counts.failed += file.errors().length;
      for (const test of file.children.allTests()) {
        const { state } = test.result();
        counts[state === "pending" ? "failed" : state]++;
      }
      for (const suite of file.children.allSuites()) counts.failed += suite.errors().length;
    }
    process.send?.(counts);
  }
}
