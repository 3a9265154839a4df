// Every English sentence that a citizen sees. They translate vi.ts, which is the original.
import { errors } from './en-errors.ts'
import type { Sentences } from './vi.ts'

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
    goOn: 'Continue signing in',
    interrupted: {
      title: 'This sign-in is not complete',
      text:
        'A fault in the system interrupted this sign-in. ' +
        'Please choose “Continue signing in” to confirm with VNeID again and return to the portal.',
    },
    elsewhere: {
      title: 'This browser does not know the sign-in',
      text:
        'This browser does not have the cookie of the sign-in: you may have signed out ' +
        'or changed to another browser, or the browser blocks cookies. ' +
        'Please allow cookies, open the portal again, and sign in from the start in one browser.',
    },
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
    wrongRequest:
      'The sign-out request of the portal is not valid or no longer valid. ' +
      'You can still sign out here, but you will not return to that portal.',
  },
  loggedOut: {
    title: 'You are signed out',
    text: 'Your sign-in in this browser has ended.',
    unreached:
      'Because of a fault in the system, the portals that you signed in to may not have been told. ' +
      'Please sign out of each portal.',
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
  notLoggedOut: {
    title: 'You are not signed out',
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
  linkResult: {
    portal: 'The link was requested by',
    inReview: {
      title: 'The link is waiting to be checked',
      reasons: {
        number_differs:
          'The identification number in your earlier account is different from the one in your VNeID account.',
        held_by_another: 'The earlier account is already linked to another person.',
        kind_differs: 'The earlier account and your VNeID account are of different types.',
        late_comer: 'The time for linking is over, but this portal still checks late requests.',
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
    text: 'Enter the code shown by the terminal where you have just started to sign in.',
    code: 'Code',
    next: 'Continue',
    strangers: 'If somebody sent you this code, do not enter it, and tell the security officer.',
    confirmTitle: 'Allow this machine to operate the system?',
    lead: 'You are about to allow a machine to',
    what: 'operate the VNeID single sign-on system in your name',
    compare: 'The code below must be exactly the one on the terminal in front of you.',
    warning:
      'Continue only if you started this yourself, just now. ' +
      'A code that somebody sent you, or read to you over the telephone, is a sign of fraud.',
    vneid: 'Next, you confirm with VNeID, level 02. The permission ends after eight hours.',
    confirm: 'Allow, and confirm with VNeID',
    abort: 'Stop',
  },
  deviceResult: {
    done: {
      title: 'The machine is signed in',
      text: 'You can close this page and go back to the terminal. Signing out in this browser signs the machine out as well.',
    },
    wrong: {
      title: 'The code is not right',
      text: 'No machine is waiting for this code. Please look at the terminal again.',
    },
    gone: {
      title: 'The code has expired or was used',
      text: 'Please start again at your terminal, and enter the new code.',
    },
    stopped: {
      title: 'Stopped',
      text: 'The machine was not given access. If somebody sent you the code, please tell the security officer.',
    },
    again: 'Enter another code',
  },
  back: {
    portal: (name: string) => `Back to ${name}`,
    home: 'Back to the home page',
  },
  errors,
}
