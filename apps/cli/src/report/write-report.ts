export async function writeReport(runDirectory: string): Promise<string> {
  return runDirectory + "/report.html";
}
