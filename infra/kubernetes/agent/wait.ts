/** Waits for the signal. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    // A listener alone does not keep the process alive.
    const timer = setInterval(() => {}, 2 ** 31 - 1);
    signal.addEventListener('abort', () => (clearInterval(timer), resolve()));
  });
}
