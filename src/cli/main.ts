/** `npm run cli -- COMMAND`: the command line as a process. */
import { runCommand } from './run.ts'

const { argv, env, stdin, stdout, stderr } = process
for (const output of [stdout, stderr])
  output.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has closed the pipe (`| head`), so nothing more can be printed.
    if (error.code === 'EPIPE') process.exit(1)
    throw error
  })
process.exitCode = await runCommand(argv.slice(2), { env, stdin, stdout, stderr })
