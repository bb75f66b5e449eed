"""The pages that anybody reads: composed here, without a rule of their own and without a word from outside."""
