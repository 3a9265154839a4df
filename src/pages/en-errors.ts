// The English sentences for each error that a citizen may see. They translate vi-errors.ts, which is the original.
import type { errors as vietnamese } from './vi-errors.ts'

const maintenance = 'The system is under maintenance. Please try again later'

export const errors: typeof vietnamese = {
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
      'The system is overloaded. ' +
      'Please wait a few minutes and try again, or go back to the portal to sign in.',
  },
  store_unavailable: {
    title: 'The system has a fault',
    text:
      'Part of the system is unavailable, so you could not sign in. ' +
      'Please wait a few minutes and try again, or go back to the portal to sign in.',
  },
  server_error: {
    title: 'Something went wrong on our side',
    text:
      'This sign-in was not completed because of a fault of the system. ' +
      'Please sign in again from the portal; if it happens again, please call the hotline.',
  },
}
