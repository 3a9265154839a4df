/** Small batches, so that a file of some hundred rows has many of them. */
export const sizes = { staged: 250, held: 50 }
