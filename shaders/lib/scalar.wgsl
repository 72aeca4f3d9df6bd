// What a thread handles at a time: one number.
alias V = f32;
