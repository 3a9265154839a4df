/** The data folder of the embedded database: one process at a time, and no committed row is lost. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/store/db.ts'

describe('an embedded data folder', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'broker-data-')), 'data')
  const children: ChildProcess[] = []
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(join(folder, '..'), { recursive: true, force: true })
  })

  /** Starts another process on the same folder. @returns its first output, and the process */
  async function another(): Promise<{ said: string; child: ChildProcess }> {
    const program = `
      import { openDatabase } from ${JSON.stringify(new URL('../../src/store/db.ts', import.meta.url).href)}
      const db = await openDatabase({ url: 'embedded:' + process.argv[1] }).catch((error) => {
        console.log(error.message)
        process.exit(1)
      })
      await db.script('create table if not exists kept (id serial)')
      await db.query('insert into kept default values')
      console.log('committed')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
    return { said: chunk.toString(), child }
  }

  test(
    'has one process at a time, and after kill -9 the next process reads every committed row',
    { timeout: 120_000 },
    async () => {
      const first = await another()
      expect(first.said).toContain('committed')
      expect((await another()).said).toContain('in use by another process')
      await expect(openDatabase({ url: `embedded:${folder}` })).rejects.toThrow('in use by another process')

      first.child.kill('SIGKILL')
      await once(first.child, 'exit')
      const db = await openDatabase({ url: `embedded:${folder}` })
      expect(await db.query('select id from kept')).toHaveLength(1)
      await expect(openDatabase({ url: `embedded:${folder}` })).rejects.toThrow('in use by another process')
      await db.close()
      const again = await openDatabase({ url: `embedded:${folder}` })
      expect(await again.query('select id from kept')).toHaveLength(1)
      await again.close()
    },
  )
})
