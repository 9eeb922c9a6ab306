/** Saves what the page has made as a file. */
export function download(fileName: string, type: string, parts: readonly BlobPart[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  // The browser has begun to read by then; it needs the address no more.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
