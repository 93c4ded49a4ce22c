/**
 * Takes no notice of a reader that has gone, as `| head -1` does: what the command writes to files is still written.
 * Any other failure of the standard streams, such as a full disk behind them, ends the command with a sentence and the
 * code 1.
 */
export function surviveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') return
      if (stream === process.stdout)
        process.stderr.write(`sfv: cannot write to standard output: ${error.message}; make room\n`)
      process.exit(1)
    })
  }
}
