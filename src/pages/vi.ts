// Every Vietnamese sentence that a citizen sees. The type of `vi` is the list: en.ts must have all of them.
import { errors } from './vi-errors.ts'

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
    /** Sentences by scope. Every portal gets `openid`. */
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
    goOn: 'Tiếp tục đăng nhập',
    interrupted: {
      title: 'Lần đăng nhập chưa hoàn tất',
      text:
        'Lần đăng nhập này bị gián đoạn do sự cố của hệ thống. ' +
        'Đề nghị Ông/Bà bấm “Tiếp tục đăng nhập” để xác thực lại bằng VNeID rồi trở về cổng dịch vụ.',
    },
    elsewhere: {
      title: 'Không tìm thấy lần đăng nhập trên trình duyệt này',
      text:
        'Trình duyệt này không có cookie của lần đăng nhập: có thể Ông/Bà đã đăng xuất, ' +
        'đã chuyển sang trình duyệt khác, hoặc trình duyệt đang chặn cookie. ' +
        'Đề nghị Ông/Bà cho phép cookie, mở lại cổng dịch vụ và đăng nhập lại từ đầu trên cùng một trình duyệt.',
    },
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
    wrongRequest:
      'Yêu cầu đăng xuất của cổng dịch vụ không hợp lệ hoặc đã hết hiệu lực. ' +
      'Ông/Bà vẫn đăng xuất được tại đây nhưng sẽ không được chuyển về cổng dịch vụ đó.',
  },
  loggedOut: {
    title: 'Ông/Bà đã đăng xuất',
    text: 'Phiên đăng nhập trên trình duyệt này đã kết thúc.',
    unreached:
      'Do hệ thống đang gặp sự cố, các cổng dịch vụ Ông/Bà đã đăng nhập có thể chưa được thông báo. ' +
      'Đề nghị Ông/Bà đăng xuất tại từng cổng dịch vụ.',
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
  notLoggedOut: {
    title: 'Ông/Bà chưa đăng xuất',
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
  linkResult: {
    portal: 'Yêu cầu liên kết đến từ',
    inReview: {
      title: 'Liên kết đang chờ kiểm tra',
      /** Sentences by reason code, as in the claim `legacy_account_link`. */
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
  deviceResult: {
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
