// The Vietnamese sentences for each error that a citizen may see.
import type { CitizenErrorCode } from '../errors.ts'

interface ErrorSentences {
  readonly title: string
  /** Says what happened, then what to do next. */
  readonly text: string
}

const maintenance = 'Hệ thống đang bảo trì. Vui lòng thử lại sau'

export const errors: Record<CitizenErrorCode, ErrorSentences> = {
  request_invalid: {
    title: 'Chưa thể mở trang đăng nhập',
    text:
      'Yêu cầu đăng nhập gửi đến đây chưa đầy đủ hoặc chưa đúng. ' +
      'Đề nghị Ông/Bà mở lại cổng dịch vụ và bấm “Đăng nhập bằng VNeID” một lần nữa.',
  },
  portal_not_in_service: {
    title: 'Cổng dịch vụ này đang tạm dừng đăng nhập',
    text:
      'Cổng dịch vụ Ông/Bà vừa mở hiện không được kết nối với hệ thống này nên chưa thể đăng nhập; ' +
      'tài khoản VNeID không bị ảnh hưởng. ' +
      'Đề nghị Ông/Bà sử dụng cổng dịch vụ khác, hoặc gọi Tổng đài để biết khi nào cổng hoạt động trở lại.',
  },
  interaction_gone: {
    title: 'Phiên đăng nhập đã hết hạn',
    text:
      'Lần đăng nhập này đã hoàn tất, đã quá thời gian chờ hoặc được mở ở một trình duyệt khác. ' +
      'Đề nghị Ông/Bà mở lại cổng dịch vụ và đăng nhập lại từ đầu trên cùng một trình duyệt.',
  },
  not_found: {
    title: 'Không tìm thấy trang',
    text: 'Địa chỉ này không có hoặc đã thay đổi. Đề nghị Ông/Bà mở lại cổng dịch vụ và đăng nhập từ đó.',
  },
  request_too_large: {
    title: 'Chưa thể nhận yêu cầu đăng nhập',
    text:
      'Yêu cầu gửi đến đây dài hơn mức hệ thống nhận được. ' +
      'Đề nghị Ông/Bà mở lại cổng dịch vụ và thử lại; nếu vẫn chưa được, vui lòng gọi Tổng đài.',
  },
  upstream_refused: {
    title: 'Chưa đăng nhập được bằng VNeID',
    text:
      'VNeID chưa xác nhận lần đăng nhập này: có thể Ông/Bà đã chọn không chia sẻ thông tin, ' +
      'hoặc tài khoản chưa kích hoạt hay đang bị khóa. ' +
      'Ông/Bà có thể đăng nhập lại từ cổng dịch vụ; nếu vẫn chưa được, ' +
      'vui lòng kiểm tra tài khoản trong ứng dụng VNeID hoặc gọi Tổng đài.',
  },
  upstream_unavailable: {
    title: maintenance,
    text:
      'Hệ thống VNeID chưa trả lời nên Ông/Bà chưa được đăng nhập. ' +
      'Đề nghị Ông/Bà chờ ít phút rồi đăng nhập lại từ cổng dịch vụ.',
  },
  upstream_rejected_us: {
    title: maintenance,
    text:
      'Hệ thống này và VNeID chưa kết nối được với nhau; tài khoản của Ông/Bà không có lỗi. ' +
      'Đề nghị Ông/Bà đăng nhập lại sau ít phút; nếu vẫn chưa được, vui lòng gọi Tổng đài.',
  },
  upstream_answer_invalid: {
    title: 'Chưa kiểm tra được kết quả từ VNeID',
    text:
      'Để bảo vệ tài khoản của Ông/Bà, hệ thống đã dừng lần đăng nhập này. ' +
      'Đề nghị Ông/Bà đăng nhập lại từ cổng dịch vụ; nếu vẫn chưa được, vui lòng gọi Tổng đài.',
  },
  upstream_authentication_stale: {
    title: 'Cần xác thực lại trên VNeID',
    text:
      'Dịch vụ này cần Ông/Bà xác thực lại ngay lúc này, nhưng VNeID mới gửi đến lần xác thực trước đó. ' +
      'Đề nghị Ông/Bà đăng xuất khỏi VNeID trên trình duyệt này rồi đăng nhập lại từ cổng dịch vụ.',
  },
  identifier_malformed: {
    title: 'Chưa đọc được số định danh',
    text:
      'Số định danh VNeID gửi đến chưa đúng dạng. Ông/Bà chưa được đăng nhập; chưa tạo tài khoản nào. ' +
      'Đề nghị Ông/Bà gọi Tổng đài để được kiểm tra.',
  },
  identifier_cancelled: {
    title: 'Số định danh đã được thay bằng số mới',
    text:
      'Số định danh cá nhân trong tài khoản VNeID của Ông/Bà đã được hủy và cấp lại. ' +
      'Đề nghị Ông/Bà cập nhật số mới trong ứng dụng VNeID rồi đăng nhập lại từ cổng dịch vụ.',
  },
  subject_disabled: {
    title: 'Tài khoản đang bị khóa',
    text:
      'Việc đăng nhập của Ông/Bà qua hệ thống này đang bị khóa; tài khoản VNeID không thay đổi. ' +
      'Đề nghị Ông/Bà gọi Tổng đài để biết lý do và cách mở khóa.',
  },
  kind_unauthorised: {
    title: 'Chưa có ủy quyền của tổ chức',
    text:
      'VNeID cho biết Ông/Bà thuộc một tổ chức nhưng chưa được giao quyền thay mặt tổ chức đó. ' +
      'Đề nghị người đại diện theo pháp luật ủy quyền cho Ông/Bà trên VNeID, ' +
      'hoặc Ông/Bà đăng nhập lại bằng tài khoản công dân.',
  },
  kind_not_admitted: {
    title: 'Dịch vụ không nhận loại tài khoản này',
    text:
      'Ông/Bà vừa đăng nhập bằng loại tài khoản mà dịch vụ này không phục vụ. ' +
      'Đề nghị Ông/Bà xem ở cổng dịch vụ những đối tượng được phục vụ ' +
      '(Công dân, Tổ chức, Người nước ngoài) rồi đăng nhập lại bằng tài khoản phù hợp.',
  },
  level_unmet: {
    title: 'Cần tài khoản VNeID mức độ cao hơn',
    text:
      'Dịch vụ này cần mức độ cao hơn mức độ của tài khoản Ông/Bà vừa dùng. ' +
      'Để được cấp mức độ 02, đề nghị Ông/Bà đến cơ quan công an gần nhất, sau đó đăng nhập lại.',
  },
  login_mismatch: {
    title: 'Tài khoản vừa dùng không khớp',
    text:
      'Cổng dịch vụ đang mở cho một tài khoản khác với tài khoản Ông/Bà vừa đăng nhập. ' +
      'Đề nghị Ông/Bà đăng xuất khỏi cổng dịch vụ rồi đăng nhập lại bằng tài khoản VNeID của mình.',
  },
  too_many_requests: {
    title: 'Có quá nhiều yêu cầu từ kết nối này',
    text:
      'Hệ thống vừa nhận rất nhiều yêu cầu từ mạng hoặc trình duyệt Ông/Bà đang dùng. ' +
      'Đề nghị Ông/Bà chờ khoảng một phút rồi bấm “Thử lại”; lần đăng nhập đang thực hiện không bị mất.',
  },
  operator_unknown: {
    title: 'Không có quyền vận hành',
    text:
      'Trang này chỉ dành cho cán bộ vận hành hệ thống; Ông/Bà chưa được giao quyền hoặc quyền đã bị khóa. ' +
      'Không có gì được mở. Nếu Ông/Bà là cán bộ vận hành, đề nghị liên hệ người phụ trách an toàn của đơn vị.',
  },
  overloaded: {
    title: 'Đang có rất nhiều người đăng nhập',
    text: 'Hệ thống đang quá tải. Đề nghị Ông/Bà chờ ít phút rồi thử lại, hoặc quay lại cổng dịch vụ để đăng nhập.',
  },
  store_unavailable: {
    title: 'Hệ thống đang gặp sự cố',
    text:
      'Một phần của hệ thống đang tạm ngừng nên Ông/Bà chưa đăng nhập được. ' +
      'Đề nghị Ông/Bà chờ ít phút rồi thử lại, hoặc quay lại cổng dịch vụ để đăng nhập.',
  },
  server_error: {
    title: 'Hệ thống gặp sự cố',
    text:
      'Lần đăng nhập này chưa hoàn tất do lỗi của hệ thống. ' +
      'Đề nghị Ông/Bà đăng nhập lại từ cổng dịch vụ; nếu vẫn chưa được, vui lòng gọi Tổng đài.',
  },
}
