"""What logging in needs: the rows of accounts, hashes of passwords, mail, and the tokens that are no good any more."""
