/** The claims that each scope releases (OIDC Core §5.4); names that are not in the standard are ours. */

export const claimsByScope = {
  /**
   * `kind`: citizen, foreigner, organisation or representative.
   * `former_sub`: the person's `sub` at each portal that was re-homed into this one, if it differs.
   */
  openid: ['sub', 'kind', 'former_sub'],
  profile: ['name', 'birthdate', 'gender'],
  citizen_id: ['citizen_id', 'foreigner_id'],
  organisation: ['organisation'],
  /** `legacy_account_link`: the outcome for the account that this request named. */
  legacy_accounts: ['legacy_accounts', 'legacy_account_link'],
  offline_access: [],
} as const satisfies Record<string, readonly string[]>

export const scopeNames: readonly string[] = Object.keys(claimsByScope)
