/** How somebody proves to a registry who they are: a user and a password, or a refresh token. */
export interface StoredCredential {
  readonly username: string;
  readonly password: string;
}

/** The user name that says "the password is a token", as with ACR. */
export const tokenUsername = '00000000-0000-0000-0000-000000000000';
