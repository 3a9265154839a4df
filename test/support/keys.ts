/** Keys of a portal: the private half to use, the public half to register. */
import { exportJWK, generateKeyPair } from 'jose'

export async function signer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  return { privateKey, jwks: { keys: [{ ...(await exportJWK(publicKey)), use: 'sig', alg: 'ES256' }] } }
}

export async function opener() {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' })
  return { privateKey, jwks: { keys: [{ ...(await exportJWK(publicKey)), use: 'enc', alg: 'ECDH-ES' }] } }
}
