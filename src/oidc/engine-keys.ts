/** Changes the engine's signing keys while it runs, by the engine's own function that builds its keystore at the start. */
import initializeKeystore from 'oidc-provider/lib/helpers/initialize_keystore.js'
import type { JWKS, Provider } from 'oidc-provider'

/** Replaces the keystore in one assignment, so a token that is being signed keeps its key. */
export const replaceKeys = (provider: Provider, keys: JWKS): void => initializeKeystore.call(provider, keys)
