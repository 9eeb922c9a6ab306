/** Waiting for something no longer than so many milliseconds. */

/** What the promise gives, or `late`. The timer keeps the process alive: somebody waits. */
export async function within<Value>(
  promise: Promise<Value>,
  millis: number,
): Promise<Value | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), Math.max(0, millis));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
