export * from './last-good.ts';
export * from './publisher.ts';
export * from './subscriber.ts';
export { TicketSecrets } from './ticket-secrets.ts';
