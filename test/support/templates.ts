/**
 * Databases to copy: every migration is applied, and there is a signing key for ES256 and RS256, sealed under the run's
 * `sealKey`. Copying takes a tenth of the time of creating a database.
 */
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { createSeal } from '../../src/crypto/seal.ts'
import { generateSigningKey } from '../../src/oidc/keys.ts'
import { openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { createLog } from '../../src/telemetry/log.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The first of `SEAL_KEYS` in every world that names none itself. */
    sealKey: string
    /** The template's name on the PostgreSQL server; undefined without a server. */
    databaseTemplate: string | undefined
    /** The folder of the embedded template and its copies. */
    templateFolder: string
  }
}

/** @param server the address of any database on the server; @returns the name of the template */
export async function createServerTemplate(server: string, sealKey: string): Promise<string> {
  const name = `template_${randomBytes(6).toString('hex')}`
  await prepare(await createServerDatabase(server, name), sealKey)
  return name
}

/** @returns the address of the new database */
export async function createServerDatabase(server: string, name: string, template?: string): Promise<string> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  await admin.query(`create database ${name} ${template === undefined ? '' : `template ${template}`}`)
  await admin.end()
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** Made at the first call: most runs of a single file need none. @returns the folder of a new copy */
export async function copyEmbeddedTemplate(folder: string, sealKey: string): Promise<string> {
  const template = join(folder, 'embedded')
  if (!existsSync(template)) {
    const draft = join(folder, `draft-${process.pid}`)
    await prepare(`embedded:${draft}`, sealKey)
    // Another worker may have created it first; its template can be used too.
    if (existsSync(template)) rmSync(draft, { recursive: true })
    else renameSync(draft, template)
  }
  const copy = join(folder, randomBytes(6).toString('hex'))
  cpSync(template, copy, { recursive: true })
  return copy
}

async function prepare(url: string, sealKey: string): Promise<void> {
  const db = await openDatabase({ url })
  await migrate(db)
  const tools = {
    db,
    seal: createSeal([Buffer.from(sealKey, 'base64url')], 'signing key'),
    log: createLog({ level: 'silent' }),
  }
  for (const alg of ['ES256', 'RS256'] as const) await generateSigningKey(tools, alg, { actor: 'local' })
  await db.close()
}
