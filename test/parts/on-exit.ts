const tasks = new Set<() => void>();
let hooked = false;

/** Does something, without waiting for anything, when this process exits. Newest first. @returns forgets the task */
export function onExit(task: () => void): () => void {
  if (!hooked) {
    hooked = true;
    process.once('exit', () => {
      for (const one of [...tasks].reverse()) one();
    });
  }
  tasks.add(task);
  return () => tasks.delete(task);
}
