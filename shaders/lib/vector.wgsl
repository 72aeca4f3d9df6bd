// What a thread handles at a time: four neighbouring numbers.
alias V = vec4f;
