/** Key pairs of portals: the private key to use, and the public key as a JWK set to register. */
import { exportJWK, generateKeyPair } from 'jose'

export async function signer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  return { privateKey, jwks: { keys: [{ ...(await exportJWK(publicKey)), use: 'sig', alg: 'ES256' }] } }
}

export async function opener() {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' })
  return { privateKey, jwks: { keys: [{ ...(await exportJWK(publicKey)), use: 'enc', alg: 'ECDH-ES' }] } }
}
