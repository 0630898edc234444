// Reads the test report: prints the closing line and fails on any failure, any skipped test and an empty run.
import { readFileSync } from "node:fs";

const [file, status] = process.argv.slice(2);
const report = JSON.parse(readFileSync(file, "utf8"));
const skipped = report.numPendingTests + report.numTodoTests;
if (skipped > 0) console.log(`${skipped} tests were skipped; none may be here`);
const failed =
  report.numFailedTests +
  (report.numFailedTestSuites > 0 && report.numFailedTests === 0 ? 1 : 0) +
  skipped;
const broken = status !== "0" && failed === 0 ? 1 : 0;
if (broken) console.log("a command besides the tests failed; see above");
console.log(`${report.numPassedTests} passed, ${failed + broken} failed`);
process.exitCode = failed + broken > 0 || report.numPassedTests === 0 ? 1 : 0;
