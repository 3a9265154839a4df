/** Changes the engine's signing keys while it runs: it builds its keystore once, by this function of its own. */
import initializeKeystore from 'oidc-provider/lib/helpers/initialize_keystore.js'
import type { JWKS, Provider } from 'oidc-provider'

/** One assignment: a token that is being signed keeps the key it was begun with. */
export const replaceKeys = (provider: Provider, keys: JWKS): void => initializeKeystore.call(provider, keys)
