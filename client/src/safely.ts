/** An error of the caller's own function is told as that of any listener, and keeps nobody else from hearing. */
export function safely(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
