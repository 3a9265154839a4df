-- What portals read about themselves: counts by day (Vietnam's). Every node adds its counts every few seconds.

create table portal_day (
  client_id text not null,
  day       date not null,
  what      text not null check (what in ('login', 'logout', 'request')),
  -- login: code of the error table, '' when completed; logout: delivered or failed; request: the OAuth error
  code      text not null,
  n         bigint not null,
  primary key (client_id, day, what, code)
);
create index portal_day_day on portal_day (day);
