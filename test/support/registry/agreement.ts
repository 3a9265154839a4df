/** Adds the fields that the law requires of a definition, unless a test sets them. */
const agreement = {
  owner: { name: 'Ủy ban nhân dân tỉnh Sơn Hà', kind: 'province' },
  contact: { desk: 'Phòng Chuyển đổi số', email: 'cds@son-ha.example.vn', phone: '024 3000 0000' },
  agreement: { number: '12/TT-SH', date: '2025-03-01' },
  legal_basis: 'Nghị định 69/2024/NĐ-CP, Điều 18',
  purposes: ['Tiếp nhận và trả kết quả dịch vụ công trực tuyến'],
}
export const agreed = (definition: Record<string, unknown>): Record<string, unknown> => ({
  ...definition,
  policy: { ...agreement, ...(definition['policy'] as object | undefined) },
})
