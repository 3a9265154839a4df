// Every Vietnamese sentence a citizen reads. The type of `vi` is the list: en.ts must have them all.
import type { CitizenErrorCode } from '../errors.ts'

interface ErrorSentences {
  readonly title: string
  /** What happened, then what to do next. */
  readonly text: string
}

const maintenance = 'Hệ thống đang bảo trì. Vui lòng thử lại sau'

const errors: Record<CitizenErrorCode, ErrorSentences> = {
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
    text: 'Hệ thống chưa phục vụ kịp. Đề nghị Ông/Bà chờ ít phút rồi đăng nhập lại từ cổng dịch vụ.',
  },
  store_unavailable: {
    title: maintenance,
    text:
      'Một phần của hệ thống đang tạm ngừng nên Ông/Bà chưa được đăng nhập. ' +
      'Đề nghị Ông/Bà chờ ít phút rồi đăng nhập lại từ cổng dịch vụ.',
  },
  server_error: {
    title: 'Hệ thống gặp sự cố',
    text:
      'Lần đăng nhập này chưa hoàn tất do lỗi của hệ thống. ' +
      'Đề nghị Ông/Bà đăng nhập lại từ cổng dịch vụ; nếu vẫn chưa được, vui lòng gọi Tổng đài.',
  },
}

export const vi = {
  frame: {
    name: 'Đăng nhập một lần qua VNeID',
    switch: 'English',
    hotline: 'Tổng đài',
    help: 'Cần trợ giúp? Ông/Bà vui lòng gọi',
  },
  notice: {
    title: 'Đăng nhập bằng VNeID',
    portal: 'Ông/Bà đang đăng nhập vào',
    next:
      'Ông/Bà sẽ được chuyển sang trang VNeID để xác thực bằng ' +
      'Tài khoản Định danh điện tử cấp bởi Bộ Công an (VNeID), rồi trở lại cổng này.',
    shared: 'Cổng này sẽ nhận được:',
    /** By scope. `openid` is what every portal gets. */
    scopes: {
      openid: 'Mã riêng của Ông/Bà tại cổng này (không phải số định danh) và mức độ tài khoản VNeID',
      profile: 'Họ và tên, ngày sinh, giới tính',
      citizen_id: 'Số định danh cá nhân',
      organisation: 'Tên và mã định danh của tổ chức mà Ông/Bà đại diện',
      legacy_accounts: 'Tài khoản trước đây của Ông/Bà tại cổng này, nếu đã liên kết',
      offline_access: 'Quyền dùng các thông tin trên cả khi Ông/Bà đã rời cổng, cho đến khi hết hạn',
    },
    password: 'Ông/Bà chỉ nhập mật khẩu và mã OTP trên trang hoặc ứng dụng VNeID.',
    start: 'Đăng nhập bằng VNeID',
    cancel: 'Quay lại',
  },
  error: {
    code: 'Mã lỗi',
    reference: 'Mã tham chiếu',
    again: 'Thử lại',
    quote: 'Khi gọi Tổng đài, Ông/Bà vui lòng đọc hai mã dưới đây để được hỗ trợ nhanh hơn.',
  },
  logout: {
    title: 'Ông/Bà muốn đăng xuất?',
    portal: 'Yêu cầu đăng xuất đến từ',
    text: 'Phiên đăng nhập này có thể đang được dùng ở nhiều cổng dịch vụ.',
    shared: 'Nếu đang dùng máy tính chung, Ông/Bà nên đăng xuất khỏi tất cả.',
    everywhere: 'Đăng xuất khỏi tất cả',
    portalOnly: 'Chỉ rời cổng này',
    stay: 'Nếu chưa muốn đăng xuất, Ông/Bà chỉ cần đóng trang này.',
  },
  loggedOut: {
    title: 'Ông/Bà đã đăng xuất',
    text: 'Phiên đăng nhập trên trình duyệt này đã kết thúc.',
    shared: 'Nếu đang dùng máy tính chung',
    advice: [
      'Đăng xuất khỏi VNeID nếu trang VNeID vẫn còn mở.',
      'Đóng tất cả cửa sổ của trình duyệt trước khi rời máy.',
    ],
  },
  formPost: {
    title: 'Quay lại cổng dịch vụ',
    text: 'Ông/Bà vui lòng bấm nút dưới đây để trở về cổng dịch vụ.',
    button: 'Tiếp tục',
  },
  leftPortal: {
    title: 'Ông/Bà đã rời cổng dịch vụ',
    portal: 'Đã đăng xuất khỏi',
    text: 'Ông/Bà vẫn còn đăng nhập bằng VNeID trên trình duyệt này.',
  },
  link: {
    title: 'Liên kết tài khoản',
    portal: 'Yêu cầu liên kết đến từ',
    text: 'Cổng này cho biết Ông/Bà vừa đăng nhập bằng tài khoản trước đây. Ông/Bà muốn liên kết hai tài khoản sau?',
    account: 'Tài khoản trước đây tại cổng này',
    formerAccount: 'Tài khoản trước đây',
    formerPortal: 'Tại cổng đã sáp nhập vào cổng trên',
    person: 'Tài khoản VNeID',
    ending: (numberEnd: string) => `số định danh kết thúc bằng ${numberEnd}`,
    after: 'Sau khi liên kết, Ông/Bà đăng nhập bằng VNeID và vẫn dùng được hồ sơ của tài khoản trước đây.',
    undo: 'Nếu liên kết nhầm, Ông/Bà gọi Tổng đài để được hủy liên kết.',
    until: (day: string) =>
      `Từ ngày ${day}, tài khoản trước đây bị khóa và không còn liên kết được theo cách này.`,
    without:
      'Nếu đây không phải tài khoản của mình, đề nghị Ông/Bà bấm “Bỏ qua”: ' +
      'Ông/Bà vẫn đăng nhập được, tài khoản trước đây không thay đổi.',
    link: 'Liên kết tài khoản',
    skip: 'Bỏ qua',
  },
  linkTold: {
    portal: 'Yêu cầu liên kết đến từ',
    inReview: {
      title: 'Liên kết đang chờ kiểm tra',
      /** By reason, as the portal hears it. */
      reasons: {
        number_differs:
          'Số định danh ghi trong tài khoản trước đây khác với số trong tài khoản VNeID của Ông/Bà.',
        held_by_another: 'Tài khoản trước đây đã được liên kết với một người khác.',
        kind_differs: 'Tài khoản trước đây không cùng loại với tài khoản VNeID của Ông/Bà.',
        late_comer: 'Thời hạn liên kết đã hết; cổng này vẫn nhận yêu cầu đến muộn để xem xét.',
        pending: 'Tài khoản trước đây đang được kiểm tra từ một yêu cầu khác.',
      },
      next: 'Cán bộ phụ trách sẽ kiểm tra trước khi liên kết; Ông/Bà có thể gọi Tổng đài để hỏi kết quả.',
    },
    refused: {
      title: 'Chưa liên kết được tài khoản',
      reasons: {
        locked: 'Thời hạn liên kết tài khoản trước đây theo cách này đã hết.',
        denied: 'Yêu cầu liên kết tài khoản này với Ông/Bà đã được kiểm tra và không được chấp nhận.',
        not_in_use: 'Tài khoản trước đây không thuộc diện liên kết hoặc không còn được sử dụng.',
        acts_for_organisation:
          'Ông/Bà đang đăng nhập thay mặt một tổ chức. Để liên kết tài khoản của mình, ' +
          'đề nghị Ông/Bà đăng nhập bằng tài khoản công dân.',
      },
      next: 'Nếu cần được giải quyết, đề nghị Ông/Bà gọi Tổng đài và đọc mã tham chiếu dưới đây.',
    },
    otherwise: 'Tài khoản trước đây chưa được liên kết.',
    signedIn: 'Ông/Bà vẫn đăng nhập được bằng VNeID.',
    next: 'Tiếp tục',
  },
  device: {
    title: 'Nhập mã từ máy vận hành',
    text: 'Ông/Bà nhập mã đang hiện trên màn hình lệnh của máy mà mình vừa bắt đầu đăng nhập.',
    code: 'Mã',
    next: 'Tiếp tục',
    strangers:
      'Nếu có người gửi mã này cho Ông/Bà, đề nghị không nhập mã và báo cho người phụ trách an toàn.',
    confirmTitle: 'Cho phép vận hành hệ thống?',
    lead: 'Ông/Bà sắp cho phép một máy',
    what: 'điều khiển hệ thống đăng nhập một lần qua VNeID với quyền của Ông/Bà',
    compare: 'Mã dưới đây phải giống hệt mã trên màn hình lệnh ở ngay trước mặt Ông/Bà.',
    warning:
      'Chỉ tiếp tục nếu chính Ông/Bà vừa bắt đầu việc này. ' +
      'Mã do người khác gửi, đọc qua điện thoại hoặc tin nhắn là dấu hiệu lừa đảo.',
    vneid: 'Tiếp theo, Ông/Bà xác thực bằng VNeID, mức độ 02. Quyền này hết sau tám giờ.',
    confirm: 'Cho phép và xác thực bằng VNeID',
    abort: 'Dừng lại',
  },
  deviceTold: {
    done: {
      title: 'Máy đã được phép',
      text: 'Ông/Bà có thể đóng trang này và trở lại màn hình lệnh. Đăng xuất trên trình duyệt này cũng kết thúc quyền đó.',
    },
    wrong: {
      title: 'Mã chưa đúng',
      text: 'Không có máy nào đang chờ mã này. Đề nghị Ông/Bà xem lại mã trên màn hình lệnh.',
    },
    gone: {
      title: 'Mã đã hết hạn hoặc đã dùng',
      text: 'Đề nghị Ông/Bà bắt đầu đăng nhập lại trên máy vận hành để có mã mới.',
    },
    stopped: {
      title: 'Đã dừng',
      text: 'Máy đó chưa được phép làm gì. Nếu mã do người khác gửi, đề nghị báo cho người phụ trách an toàn.',
    },
    again: 'Nhập mã khác',
  },
  back: {
    portal: (name: string) => `Quay lại ${name}`,
    home: 'Quay lại trang chủ',
  },
  errors,
}

export type Sentences = typeof vi
