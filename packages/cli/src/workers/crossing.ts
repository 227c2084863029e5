import type { Complaint } from '@tweedie/core';

/** An error on its way out of a worker: what the structured clone leaves of one is not enough. */
export interface Crossing {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** What a Tweedie error says, without what it got and its cause: the message has them. */
  readonly complaint?: Omit<Complaint, 'got' | 'cause'>;
}

export const leaving = (error: unknown): Crossing => {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { complaint } = error as { readonly complaint?: Complaint };
  const said = complaint === undefined ? undefined : (({ got: _, cause: __, ...rest }) => rest)(complaint);
  return {
    name: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(said === undefined ? {} : { complaint: said }),
  };
};

/** The error again, with the very sentence that was said. */
export const arrived = ({ name, message, stack, complaint }: Crossing): Error =>
  Object.assign(new Error(message), { name, ...(stack === undefined ? {} : { stack }), ...(complaint === undefined ? {} : { complaint }) });
