/** Which scope releases which claim (OIDC Core §5.4); names in `snake_case` beyond the standard ones are ours. */

export const claimsByScope = {
  /**
   * `kind`: citizen, foreigner, organisation or representative.
   * `former_sub`: by portals that went over into this one, the person's `sub` there where it is another.
   */
  openid: ['sub', 'kind', 'former_sub'],
  profile: ['name', 'birthdate', 'gender'],
  citizen_id: ['citizen_id', 'foreigner_id'],
  organisation: ['organisation'],
  /** `legacy_account_link`: what became of the account that this very request named. */
  legacy_accounts: ['legacy_accounts', 'legacy_account_link'],
  offline_access: [],
} as const satisfies Record<string, readonly string[]>

export const scopeNames: readonly string[] = Object.keys(claimsByScope)
