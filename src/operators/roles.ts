/** What an operator may do; it imports nothing, so that the command line can name the roles without loading more. */
export const roles = ['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer'] as const
export type Role = (typeof roles)[number]
