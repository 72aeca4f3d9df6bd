// Loaded by the launcher into its child, before the child's own code: ends it when the launcher is gone.

// Processes that the child forks inherit the import; their parent is another one.
if (process.env.ONESTAGE_LAUNCHER === String(process.ppid)) {
  process.once("disconnect", () => {
    // The same way as for a user's request, so that the program may save; then by force.
    process.kill(process.pid, "SIGTERM");
    setTimeout(() => process.exit(1), 30_000).unref();
  });
  // Listening must not keep a finished program alive.
  process.channel?.unref();
}
