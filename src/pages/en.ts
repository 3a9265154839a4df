// Every English sentence a citizen reads: the same list as vi.ts, which is the original.
import type { Sentences } from './vi.ts'

const maintenance = 'The system is under maintenance. Please try again later'

const errors: Sentences['errors'] = {
  request_invalid: {
    title: 'The sign-in page cannot be opened yet',
    text:
      'The sign-in request that arrived here was incomplete or not correct. ' +
      'Please open the portal again and choose “Sign in with VNeID” once more.',
  },
  portal_not_in_service: {
    title: 'Signing in to this portal is suspended',
    text:
      'The portal you came from is not in service here at the moment, so you cannot sign in to it. ' +
      'Nothing is wrong with your VNeID account. ' +
      'Please use another portal, or call the hotline to learn when it will be back.',
  },
  interaction_gone: {
    title: 'This sign-in has expired',
    text:
      'It was already completed, took too long, or was opened in another browser. ' +
      'Please open the portal again and sign in from the start, in one browser.',
  },
  not_found: {
    title: 'Page not found',
    text: 'This address does not exist or has changed. Please open the portal again and sign in from there.',
  },
  request_too_large: {
    title: 'The sign-in request cannot be accepted',
    text:
      'The request that arrived here is longer than the system accepts. ' +
      'Please open the portal and try again; if it happens again, please call the hotline.',
  },
  upstream_refused: {
    title: 'You are not signed in with VNeID yet',
    text:
      'VNeID did not confirm this sign-in: you may have chosen not to share your information, ' +
      'or the account may be inactive or locked. ' +
      'You can sign in again from the portal; if that does not work, ' +
      'please check your account in the VNeID app or call the hotline.',
  },
  upstream_unavailable: {
    title: maintenance,
    text:
      'VNeID did not answer, so you are not signed in. ' +
      'Please wait a few minutes, then sign in from the portal.',
  },
  upstream_rejected_us: {
    title: maintenance,
    text:
      'This system and VNeID could not connect; nothing is wrong with your account. ' +
      'Please sign in again in a few minutes; if it happens again, please call the hotline.',
  },
  upstream_answer_invalid: {
    title: 'The answer from VNeID could not be verified',
    text:
      'To protect your account, the system stopped this sign-in. ' +
      'Please sign in again from the portal; if it happens again, please call the hotline.',
  },
  upstream_authentication_stale: {
    title: 'Please confirm with VNeID again',
    text:
      'This service needs you to confirm who you are right now, but VNeID sent an earlier confirmation. ' +
      'Please sign out of VNeID in this browser, then sign in again from the portal.',
  },
  identifier_malformed: {
    title: 'Your identification number could not be read',
    text:
      'The number VNeID sent does not have the expected form. You are not signed in; no account was made. ' +
      'Please call the hotline to have it checked.',
  },
  identifier_cancelled: {
    title: 'Your identification number was replaced',
    text:
      'The number in your VNeID account was cancelled and a new one was issued. ' +
      'Please update it in the VNeID app, then sign in again from the portal.',
  },
  subject_disabled: {
    title: 'This account is locked',
    text:
      'Signing in through this system is locked for you; your VNeID account itself is unchanged. ' +
      'Please call the hotline to learn why and how to unlock it.',
  },
  kind_unauthorised: {
    title: 'No authorisation from the organisation',
    text:
      'VNeID says that you belong to an organisation but may not yet act for it. ' +
      'Please ask its legal representative to authorise you in VNeID, or sign in again as a citizen.',
  },
  kind_not_admitted: {
    title: 'The service is not open to this type of account',
    text:
      'You signed in with a type of account that this service does not serve. ' +
      'Please see on the portal who is served (citizens, organisations, foreigners), ' +
      'then sign in again with a suitable account.',
  },
  level_unmet: {
    title: 'A higher VNeID account level is needed',
    text:
      'This service needs a higher level than the account you used has. ' +
      'To obtain level 02, please visit the nearest police office, then sign in again.',
  },
  login_mismatch: {
    title: 'The account does not match',
    text:
      'The portal is open for a different account from the one you signed in with. ' +
      'Please sign out of the portal, then sign in again with your own VNeID account.',
  },
  too_many_requests: {
    title: 'Too many requests from this connection',
    text:
      'The system has just received very many requests from the network or the browser that you use. ' +
      'Please wait about a minute, then choose “Try again”; a sign-in that you have begun is not lost.',
  },
  operator_unknown: {
    title: 'Not an operator',
    text:
      'This page is for those who run the system; you have not been given that, or it has been taken back. ' +
      'Nothing was opened. If you are an operator, please ask the security officer of your unit.',
  },
  overloaded: {
    title: 'Very many people are signing in',
    text:
      'The system cannot keep up just now. ' +
      'Please wait a few minutes, then sign in again from the portal.',
  },
  store_unavailable: {
    title: maintenance,
    text:
      'Part of the system is paused, so you are not signed in. ' +
      'Please wait a few minutes, then sign in again from the portal.',
  },
  server_error: {
    title: 'Something went wrong on our side',
    text:
      'This sign-in was not completed because of a fault of the system. ' +
      'Please sign in again from the portal; if it happens again, please call the hotline.',
  },
}

export const en: Sentences = {
  frame: {
    name: 'Single sign-on with VNeID',
    switch: 'Tiếng Việt',
    hotline: 'Hotline',
    help: 'Need help? Please call',
  },
  notice: {
    title: 'Sign in with VNeID',
    portal: 'You are signing in to',
    next:
      'You will go to the VNeID page to confirm who you are with the electronic identification account ' +
      'issued by the Ministry of Public Security (VNeID), then come back to this portal.',
    shared: 'This portal will receive:',
    scopes: {
      openid:
        'A code for you on this portal only (not your identification number) and your VNeID account level',
      profile: 'Full name, date of birth, gender',
      citizen_id: 'Personal identification number',
      organisation: 'Name and identification code of the organisation you represent',
      legacy_accounts: 'Your earlier accounts on this portal, where they are linked',
      offline_access:
        'Use of the information above after you leave the portal, until that permission expires',
    },
    password: 'Enter your password and OTP only on the VNeID page or in the VNeID app.',
    start: 'Sign in with VNeID',
    cancel: 'Go back',
  },
  error: {
    code: 'Error code',
    reference: 'Reference',
    again: 'Try again',
    quote: 'When you call the hotline, please read out these two codes so that we can help you faster.',
  },
  logout: {
    title: 'Do you want to sign out?',
    portal: 'Sign-out was requested by',
    text: 'This sign-in may be in use on several portals.',
    shared: 'On a shared computer, it is best to sign out of everything.',
    everywhere: 'Sign out of everything',
    portalOnly: 'Leave this portal only',
    stay: 'If you do not want to sign out yet, just close this page.',
  },
  loggedOut: {
    title: 'You are signed out',
    text: 'Your sign-in in this browser has ended.',
    shared: 'On a shared computer',
    advice: ['Sign out of VNeID if its page is still open.', 'Close every browser window before you leave.'],
  },
  formPost: {
    title: 'Back to the portal',
    text: 'Please press the button below to go back to the portal.',
    button: 'Continue',
  },
  leftPortal: {
    title: 'You have left the portal',
    portal: 'Signed out of',
    text: 'You are still signed in with VNeID in this browser.',
  },
  link: {
    title: 'Link accounts',
    portal: 'The link was requested by',
    text: 'This portal says that you have just signed in with your earlier account. Do you want to link these two?',
    account: 'Earlier account on this portal',
    formerAccount: 'Earlier account',
    formerPortal: 'On the portal that has become part of the one above',
    person: 'VNeID account',
    ending: (numberEnd) => `identification number ending in ${numberEnd}`,
    after: 'Once they are linked, you sign in with VNeID and still find the records of your earlier account.',
    undo: 'If you link them by mistake, please call the hotline to have the link removed.',
    until: (day) => `From ${day} the earlier account is locked and can no longer be linked in this way.`,
    without:
      'If this is not your account, please choose “Skip”: ' +
      'you are signed in all the same, and the earlier account stays as it is.',
    link: 'Link accounts',
    skip: 'Skip',
  },
  linkTold: {
    portal: 'The link was requested by',
    inReview: {
      title: 'The link is waiting to be checked',
      reasons: {
        number_differs:
          'The identification number in your earlier account is different from the one in your VNeID account.',
        held_by_another: 'The earlier account is already linked to another person.',
        kind_differs: 'The earlier account and your VNeID account are of different types.',
        late_comer: 'The time for linking is over; this portal still has late requests looked at.',
        pending: 'The earlier account is being checked because of another request.',
      },
      next: 'An officer will check before anything is linked; you can call the hotline to ask for the result.',
    },
    refused: {
      title: 'The account was not linked',
      reasons: {
        locked: 'The time for linking earlier accounts in this way is over.',
        denied: 'The request to link this account to you was checked before and was not accepted.',
        not_in_use: 'The earlier account is not one that can be linked, or is no longer in use.',
        acts_for_organisation:
          'You are signing in for an organisation. To link your own account, please sign in as a citizen.',
      },
      next: 'If you need it resolved, please call the hotline and read out the reference below.',
    },
    otherwise: 'The earlier account is not linked.',
    signedIn: 'You are signed in with VNeID all the same.',
    next: 'Continue',
  },
  device: {
    title: 'Enter the code of your terminal',
    text: 'Enter the code that the terminal shows where you have just begun to sign in.',
    code: 'Code',
    next: 'Continue',
    strangers: 'If somebody sent you this code, do not enter it, and tell the security officer.',
    confirmTitle: 'Let it run the system?',
    lead: 'You are about to let a machine',
    what: 'control the VNeID single sign-on system in your name',
    compare: 'The code below must be exactly the one on the terminal in front of you.',
    warning:
      'Go on only if you began this yourself, just now. ' +
      'A code that somebody sent, or read to you over the telephone, is a sign of fraud.',
    vneid: 'Next you confirm with VNeID, level 02. What you allow ends after eight hours.',
    confirm: 'Allow, and confirm with VNeID',
    abort: 'Stop',
  },
  deviceTold: {
    done: {
      title: 'The machine is let in',
      text: 'You can close this page and go back to the terminal. Signing out in this browser ends it as well.',
    },
    wrong: {
      title: 'The code is not right',
      text: 'No machine is waiting for this code. Please look at the terminal again.',
    },
    gone: {
      title: 'The code has expired or was used',
      text: 'Please begin again on the machine that you operate from, and bring the new code.',
    },
    stopped: {
      title: 'Stopped',
      text: 'That machine was let do nothing. If somebody sent you the code, please tell the security officer.',
    },
    again: 'Enter another code',
  },
  back: {
    portal: (name: string) => `Back to ${name}`,
    home: 'Back to the home page',
  },
  errors,
}
