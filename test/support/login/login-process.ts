/** Signs citizens in, eight at a time, in a separate process that a test can kill. */
import { openDatabase } from '../../../src/store/db.ts'
import { createMapping } from '../mapping/mapping.ts'
import { identityOf, occasionAt, testKeys } from '../mapping/keys.ts'

const [url = '', clientId = '', from = '', to = ''] = process.argv.slice(2)
const db = await openDatabase({ url })
const { signIn } = createMapping({ db, keys: testKeys })
let person = Number(from)
await Promise.all(
  Array.from({ length: 8 }, async () => {
    while (person < Number(to)) await signIn(identityOf(person++), occasionAt(clientId))
  }),
)
await db.close()
process.disconnect()
